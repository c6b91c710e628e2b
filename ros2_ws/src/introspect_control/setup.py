"""Package introspect_control: built by colcon (ament_python) and installable by pip."""

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

NAME = "introspect_control"

COMPILED = [
    Extension(
        f"{NAME}.{module}",
        [f"{NAME}/{module.replace('.', '/')}.pyx"],
        depends=["setup.py"],
        libraries=["m"],
        # No contraction of a·b + c: which of them a compiler would take is its own affair.
        extra_compile_args=["-O3", "-ffp-contract=off"],
    )
    for module in ("kernels.chain", "kernels.limiter", "kernels.servo", "nodes.last_resort")
]

setup(
    name=NAME,
    version="0.1.0",
    description="From policy actions to safe joint commands: kinematics, servo, guard, bridge.",
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
    ext_modules=cythonize(COMPILED, build_dir="build"),
    package_data={
        f"{NAME}.{part}": ["*.pyi", "*.pyx", "*.pxd", "*.xml"] for part in ("kernels", "nodes")
    },
    install_requires=["numpy", "pyyaml", "zstandard", "lz4"],
    # What only the pip route needs is in extras: on a ROS 2 installation it comes from there.
    extras_require={
        "export": ["pyarrow", "h5py", "pillow"],
        "planning": ["ompl", "ruckig"],
        "perception": ["opencv-python-headless"],
        # Makers' libraries, each for the driver of its name.
        "xarm": ["xarm-python-sdk~=1.18"],
        "franky": ["franky-control~=2.0"],
        "panda": ["panda-python~=1.1"],
        "wheels": ["ros-rclpy[fastrtps]~=9.1", "ros-common-interfaces~=5.5"],
        "test": ["pytest"],
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "arm_bridge_node = introspect_control.nodes.arm_bridge_node:main",
            "capture_node = introspect_control.nodes.capture_node:main",
            "driver_node = introspect_control.nodes.driver_node:main",
            "object_pose_node = introspect_control.nodes.object_pose_node:main",
            "planner_node = introspect_control.nodes.planner_node:main",
            "state_publisher_node = introspect_control.nodes.state_publisher_node:main",
        ],
    },
)
