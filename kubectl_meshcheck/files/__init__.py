"""The objects of a cluster, read from manifests, dumps and standard input.

In: paths as ``kubectl -f`` takes them.  Out: one ``Document`` for each
Kubernetes object, and one ``Problem`` for each part that could not be read.
Everything read here is untrusted: size, nesting and aliases are bounded, and
names and messages are escaped.  No cluster, and no Kubernetes client.

    paths        what to open: files, directories, the layout of dumps
    content      bytes of one source, as UTF-8 or refused
    pieces       where documents begin and end
    yaml_text    one YAML document to plain values, as kubectl reads it
    json_text    JSON documents to plain values, lists item by item
    documents    the values of one source, each with its place
    objects      lists flattened, objects told from other documents
    reading      the way through all of them
"""

from kubectl_meshcheck.files.objects import Document
from kubectl_meshcheck.files.reading import read

__all__ = ["Document", "read"]
