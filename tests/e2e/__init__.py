"""The installed ``kubectl meshcheck`` against a real API server.

    pytest -m e2e tests/e2e                        with a control plane of its own
    MESHCHECK_E2E_KUBECONFIG=FILE pytest -m e2e tests/e2e       on kind or any other

The plain ``pytest`` leaves these tests out.  Without a kubeconfig they bring up
``tests.controlplane`` (real etcd, API server, controllers, istiod; kwok in the
kubelet's place) as instance ``e2e``, share it for the session and take it down at the
end; the programs are built with Go the first time.  Where none can be had, one line
says why and every test is skipped with it.  ``MESHCHECK_E2E_KUBERNETES=1.28`` picks
another minor.  A second run at the same time takes instance ``e2e-2``.

On somebody's cluster the tests make namespaces ``meshcheck-e2e-...``, one custom
resource definition and, for the rights of their users, some cluster roles; they take
away what they made.  What needs the stand-in for the kubelet (a crash on demand), the
injector's switches, etcd or the server's process is skipped there, and says so; pods
that are injected live are tested where Istio is installed.

Everything goes through the real kubectl and the program as a process; only the relay of
``relay.py`` stands between the program and the server, where something has to happen
between two of its requests.
"""
