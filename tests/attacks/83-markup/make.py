import json
from grader.submission.names import clean_id


def make(course, student, notebook):
    name = f"{student}<img src=x onerror=alert(1)>\\'&quot;"
    shown = """
from IPython.display import HTML, SVG, Javascript, Markdown, display
display(HTML("<script>alert(1)</script><iframe src='javascript:alert(1)'>"))
display(SVG("<svg onload='alert(1)'><script>alert(1)</script></svg>"))
display(Javascript("alert(1)"), Markdown("[x](javascript:alert(1)) <img src=x onerror=alert(1)>"))
display({"text/html": "<script>alert(1)</script>", "image/svg+xml": "<svg onload=alert(1)>",
         "text/latex": "$\\\\href{javascript:alert(1)}{x}$"}, raw=True)
print("<script>alert(1)</script>")
# </script><script>alert(1)</script>
"""
    made = json.loads(notebook("def double(x): return 2 * x", "total = sum", shown))
    hostile = "<script>alert(1)</script>"
    made["metadata"] |= {"title": hostile, "authors": [{"name": hostile}], hostile: hostile}
    for cell in made["cells"]:
        cell["metadata"] = {"name": hostile, "tags": [hostile], hostile: hostile}
    (course / f"{name}.ipynb").write_text(json.dumps(made))
    return (clean_id(name),)
