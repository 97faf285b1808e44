"""Numbers out of pixels: what each object measures, and whether an image can be trusted."""
