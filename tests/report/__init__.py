"""What the renderers print."""
