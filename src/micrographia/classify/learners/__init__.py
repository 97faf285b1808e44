"""Classifiers of rows of numbers, whatever a row is: forests, boosting, neighbours, and what probabilities say."""
