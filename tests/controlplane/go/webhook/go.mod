// What the injectors of the meshes have in common: the admission webhook around their own code.
module meshcheck.test/controlplane/webhook

go 1.24.0
