// The certificates of one control plane: a CA of its own, and what it signs.
module meshcheck.test/controlplane/certs

go 1.26.0
