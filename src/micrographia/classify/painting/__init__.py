"""The interactive engine: image, strokes and model together, and a viewport that is never out of date."""
