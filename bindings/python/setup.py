"""Builds the extension, and the source distribution with the Rust sources in it. All else is in pyproject.toml."""

import os
import pathlib
import re
import shutil
import subprocess
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
# In a source distribution the workspace is a directory of it, without what Python does not need.
PACKED = HERE / "rust"
WORKSPACE = PACKED if PACKED.exists() else HERE.parents[1]
MEMBERS = ("core", "ffi")
# A free-threaded interpreter has no limited API before CPython 3.15.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
LIMITED = "0x030B0000"


def version() -> str:
    """The workspace's."""
    return re.search(r'^version = "(.+)"$', (WORKSPACE / "Cargo.toml").read_text(), re.M)[1]


def workspace_manifest() -> str:
    """Cargo.toml of the workspace with only the members that the library needs."""
    text = (WORKSPACE / "Cargo.toml").read_text()
    members = ", ".join(f'"{member}"' for member in MEMBERS)
    return re.sub(r"^members = .*$", f"members = [{members}]", text, flags=re.M)


class BuildExtension(build_ext):
    """Links the archive named by DATASTREAMS_ARCHIVE, or one that it has cargo build."""

    def build_extension(self, ext):
        ext.extra_objects.append(os.environ.get("DATASTREAMS_ARCHIVE") or self.archive())
        super().build_extension(ext)

    def archive(self) -> str:
        if shutil.which("cargo") is None:
            raise SystemExit(
                "libdatastreams has no wheel for this machine, and building it takes Rust: https://rustup.rs"
            )
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or pathlib.Path(self.build_temp).resolve() / "cargo")
        subprocess.run(
            ["cargo", "build", "--release", "--locked", "--package", "datastreams-ffi", "--target-dir", str(target)],
            cwd=WORKSPACE,
            check=True,
        )
        archive = target / "libdatastreams.a"
        script, header, built = (WORKSPACE / "ffi/archive.sh", WORKSPACE / "include/datastreams.h", target / "release")
        subprocess.run(["sh", str(script), str(header), str(built / "libdatastreams.a"), str(archive)], check=True)
        return str(archive)


class SourceDistribution(sdist):
    """Adds the Rust sources, and a Cargo.lock of only what they need."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        packed = pathlib.Path(base_dir, "rust")
        shutil.rmtree(packed, ignore_errors=True)
        packed.mkdir()
        for member in MEMBERS:
            ignore = shutil.ignore_patterns("target", "proptest-regressions", "header", "tests", "benches")
            shutil.copytree(WORKSPACE / member, packed / member, ignore=ignore)
            self.without_tests(packed / member / "Cargo.toml")
        # How cargo calls the compiler is a part of it.
        for file in ("include/datastreams.h", ".cargo/config.toml", "tools/rustc"):
            (packed / file).parent.mkdir()
            shutil.copy(WORKSPACE / file, packed / file)
        (packed / "Cargo.toml").write_text(workspace_manifest())
        shutil.copy(WORKSPACE / "Cargo.lock", packed)
        if not PACKED.exists():
            # Takes what is not needed any more out of the lock file; the versions of the rest stay.
            subprocess.run(
                ["cargo", "metadata", "--format-version=1"], cwd=packed, check=True, stdout=subprocess.DEVNULL
            )

    @staticmethod
    def without_tests(manifest: pathlib.Path) -> None:
        """Leaves out the sections of a manifest that speak of tests and benchmarks: their files are not packed."""
        sections = re.split(r"^(?=\[)", manifest.read_text(), flags=re.M)
        left_out = ("[dev-dependencies]", "[[bench]]", "[[test]]")
        manifest.write_text("".join(section for section in sections if not section.startswith(left_out)))


EXTENSION = Extension(
    "datastreams._native",
    sources=sorted(str(path.relative_to(HERE)) for path in (HERE / "src/native").glob("*.c")),
    depends=["src/native/native.h", "src/native/exports.map"],
    include_dirs=[str(WORKSPACE / "include")],
    define_macros=[] if FREE_THREADED else [("Py_LIMITED_API", LIMITED)],
    py_limited_api=not FREE_THREADED,
    extra_compile_args=["-std=c11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wpedantic"],
    extra_link_args=["-Wl,--version-script=src/native/exports.map", "-Wl,--gc-sections", "-Wl,-z,now", "-s"],
    libraries=["pthread", "m", "dl"],
)

setup(
    version=version(),
    ext_modules=[EXTENSION],
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
