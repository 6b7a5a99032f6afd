"""Has pytest take the notebook for a file of tests."""

pytest_plugins = ["grader.pytest_plugin"]
