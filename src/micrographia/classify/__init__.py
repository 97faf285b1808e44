"""Classes learned from examples: of pixels, of objects, of images. One folder for each, and the learners they share."""
