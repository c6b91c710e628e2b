"""Package introspect_learning: built by colcon (ament_python) and installable by pip."""

from setuptools import find_packages, setup

NAME = "introspect_learning"

setup(
    name=NAME,
    version="0.1.0",
    description="Behaviours, choreographer and their training for learned 7-DoF arms.",
    author="introspect developers",
    maintainer="introspect developers",
    maintainer_email="introspect-developers@users.noreply.github.com",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["models/shipped/**/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    install_requires=["numpy", "safetensors"],
    # What only the pip route needs is in extras: on a ROS 2 installation it comes from there.
    extras_require={
        "run": ["onnxruntime>=1.31"],
        "train": [
            "torch>=2.13",
            "onnx>=1.23",
            "tensorboard",
            "matplotlib",
            "scikit-learn",
            "scipy",
            "threadpoolctl",
        ],
        "maps": ["umap-learn"],
        "wheels": ["ros-rclpy[fastrtps]~=9.1", "ros-common-interfaces~=5.5"],
        "test": ["pytest"],
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "behaviour_node = introspect_learning.nodes.behaviour_node:main",
            "choreographer_node = introspect_learning.nodes.choreographer_node:main",
            "internal_state_node = introspect_learning.nodes.internal_state_node:main",
        ],
    },
)
