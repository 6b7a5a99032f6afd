"""The data-only protocol between the grader and the student's code.

Runs on both sides of the fence: standard library, numpy and safetensors only.
"""
