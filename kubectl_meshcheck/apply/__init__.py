"""Carries a plan out on a cluster: asks first, writes, watches, proves, undoes."""
