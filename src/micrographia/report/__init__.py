"""What a person looks at: overlays, charts, reports."""
