"""Making the environments under `.luna/`. Only the standard library: this runs before there is any environment."""
