"""Objects that touch, divided by their membranes: regions, and a learned choice which of them belong together."""
