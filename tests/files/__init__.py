"""Reading manifests, dumps and stdin."""
