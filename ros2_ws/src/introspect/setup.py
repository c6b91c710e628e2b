"""Package introspect: built by colcon (ament_python) and installable by pip."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "introspect"


def tree(folder: str) -> list[tuple[str, list[str]]]:
    """Return data_files for a folder and its sub-folders.

    The folder is a link to the one at the root of the repository. Without the link its files
    would lie outside the package, and `colcon build --symlink-install` would link them outside
    of its build folder.
    """
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".pyc")
    return [(str(Path("share", NAME, p.parent)), [str(p)]) for p in files]


setup(
    name=NAME,
    version="0.1.0",
    description="Bring-up, command line and dashboard of introspect.",
    author="introspect developers",
    maintainer="introspect developers",
    maintainer_email="introspect-developers@users.noreply.github.com",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *tree("launch"),
        *tree("security"),
    ],
    install_requires=["numpy", "rich", "tyro"],
    # What only the pip route needs is in extras: on a ROS 2 installation it comes from there.
    extras_require={
        "dashboard": ["viser>=1.1"],
        "security": ["cryptography>=41"],
        "wheels": ["ros-rclpy[fastrtps]~=9.1", "ros-common-interfaces~=5.5"],
        "test": ["pytest"],
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "introspect = introspect.cli:main",
            "dashboard_node = introspect.nodes.dashboard_node:main",
        ],
    },
)
