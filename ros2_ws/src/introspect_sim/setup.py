"""Package introspect_sim: built by colcon (ament_python) and installable by pip."""

from setuptools import find_packages, setup

NAME = "introspect_sim"

setup(
    name=NAME,
    version="0.1.0",
    description="Simulated worlds (MuJoCo, PyBullet), tasks and environments for 7-DoF arms.",
    author="introspect developers",
    maintainer="introspect developers",
    maintainer_email="introspect-developers@users.noreply.github.com",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    install_requires=["gymnasium", "numpy", "pyyaml"],
    # What only the pip route needs is in extras: on a ROS 2 installation it comes from there.
    extras_require={
        "mujoco": ["mujoco-core>=4.0"],
        "pybullet": ["pybullet>=3.2.7"],
        "camera": ["pyopengl"],
        "wheels": ["ros-rclpy[fastrtps]~=9.1", "ros-common-interfaces~=5.5"],
        "test": ["pytest"],
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "mock_arm_node = introspect_sim.nodes.mock_arm_node:main",
            "sim_node = introspect_sim.nodes.sim_node:main",
            "task_node = introspect_sim.nodes.task_node:main",
        ],
    },
)
