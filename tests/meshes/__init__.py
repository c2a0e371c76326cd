"""The facts of every mesh, held against pods that real injectors made."""
