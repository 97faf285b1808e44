"""Classes learned from examples: of pixels, from a few strokes."""
