"""Who said what of which object, and which objects a person should see next."""
