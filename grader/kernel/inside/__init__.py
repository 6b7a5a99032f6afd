"""The part of grader that runs on the student's side of the fence.

It holds nothing worth stealing and decides nothing: whatever it sends may have been written by
the student. Together with `grader.wire` it is all of grader that the sandbox can see.
"""
