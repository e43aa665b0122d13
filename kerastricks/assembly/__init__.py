"""The parts of `build`, each of which knows the recipe and some tricks."""
