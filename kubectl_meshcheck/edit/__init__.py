"""The remedy written into manifests in place, all else kept byte for byte.

In: the bytes of files.  Out: the same bytes with the annotations that a fix needs,
and what became of each workload.  Nothing here reads or writes a file, apart from
``saving``.

    parts        the documents of a source, with their text
    wanted       what a workload is to say, or why it is left as it is
    foreign      Helm templates and JSON patches
    nodes        where everything stands in a document
    places       the way to a pod template's annotations
    insertion    new keys, written as their neighbours are
    replacement  another text in the place of a value
    scalars      how a text is quoted
    splices      pieces of text put in at their places
    changes      all of it for one document, proven by reading it again
    manifest     one source from bytes to bytes
    saving       a file replaced in one step
"""

from kubectl_meshcheck.edit.manifest import Edited, Source, all_edited
from kubectl_meshcheck.edit.wanted import Outcome, Standing

__all__ = ["Edited", "Outcome", "Source", "Standing", "all_edited"]
