"""Everything at once, for as long as one likes, and then the question whether all is as it must be."""
