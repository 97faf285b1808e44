"""How good a result is: matching of objects, and scores over many images."""
