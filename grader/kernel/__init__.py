"""Starting a student's kernel, running the notebook in it, and talking to it afterwards."""
