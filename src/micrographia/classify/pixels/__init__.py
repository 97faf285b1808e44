"""Pixels classified from a few strokes: features, classifier, its stages, the places to paint next."""
