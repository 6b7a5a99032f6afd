import zipfile


def make(course, student, notebook):
    with zipfile.ZipFile(course / f"{student}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("work.ipynb", notebook("x = 1"))
        with archive.open("data.bin", "w", force_zip64=True) as member:
            for _ in range(120):
                member.write(bytes(1 << 20))
