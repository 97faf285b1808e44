"""Networks that look at pictures of single objects or at whole images."""
