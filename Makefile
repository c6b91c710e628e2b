# introspect: `make` lists the targets.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

# The environment is closed: a ROS 2 installation or another environment that happens to be
# active in this shell must not mix its libraries with ours.
ifneq ($(ROS_DISTRO)$(_ROS_WHEELS_BOOTSTRAP_COMPLETE),)
unexport LD_LIBRARY_PATH
endif
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE PYTHONPATH PYTHONHOME VIRTUAL_ENV
unexport CMAKE_PREFIX_PATH COLCON_PREFIX_PATH
export AMENT_PREFIX_PATH := $(abspath $(VENV))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --constraint requirements/lock.txt
PACKAGES := introspect_description introspect_control introspect_sim introspect_learning introspect

INTERFACES := $(wildcard $(addprefix pip_ros/tf2_msgs/,* msg/*) \
                         $(addprefix ros2_ws/src/introspect_msgs/,* msg/* srv/* action/*)) \
              tools/build_interfaces.sh tools/pip_wheels.cmake
METADATA   := $(foreach p,$(PACKAGES),$(wildcard $(addprefix ros2_ws/src/$p/,setup.py setup.cfg pyproject.toml $p/*/*.pyx $p/*/*.pxd)))

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-pybullet setup-hardware sim test check format colcon lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.run  ## install what running needs into .venv (PYTHON=python3.12 chooses another Python)

setup-dev: $(VENV)/.dev  ## the same, and what training, tests and tools need

setup-pybullet: $(VENV)/.run  ## compile PyBullet for Python 3.12 and newer, which has no wheel (half an hour)
	$(PIP) "pybullet==3.2.7"

setup-hardware: $(VENV)/.run  ## the same as setup, and what sees tags through a camera
	$(PIP) -r requirements/hardware.txt

sim: $(VENV)/.run  ## a learned policy picks and places; ARGS="backend:=pybullet episodes:=3" and so on
	@$(BIN)/introspect launch sim $(ARGS)

test: $(VENV)/.dev  ## run the tests; ARGS="tests/unit -k guard" runs some of them
ifeq ($(ARGS),)
	@status=0; \
	$(BIN)/python -m pytest -n 2 tests/unit || status=1; \
	$(BIN)/python -m pytest --ignore tests/unit tests || status=1; \
	exit $$status
else
	$(BIN)/python -m pytest $(ARGS)
endif

check: $(VENV)/.dev  ## lint, formatting, types, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell

format: $(VENV)/.dev  ## sort imports, mend what can be mended, format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

colcon: $(VENV)/.colcon  ## build the ROS 2 workspace as on a robot; ARGS=--symlink-install and so on
	cd ros2_ws && PATH="$(abspath $(BIN)):$$PATH" colcon build $(ARGS) \
	  --cmake-args -DBUILD_TESTING=OFF -DPython3_EXECUTABLE="$(abspath $(BIN))/python" \
	  -DCMAKE_PROJECT_INCLUDE="$(CURDIR)/tools/pip_wheels.cmake"
	@echo "now: . $(BIN)/activate && . ros2_ws/install/setup.bash"

lock:  ## write requirements/lock.txt anew; PYTHONS="python3.10 python3.11 python3.12 python3.13"
	$(PYTHON) tools/lock.py $(PYTHONS)

clean:  ## remove everything that make made, .venv too
	rm -rf $(VENV) build ros2_ws/build ros2_ws/install ros2_ws/log
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf $(foreach p,$(PACKAGES),ros2_ws/src/$p/build ros2_ws/src/$p/$p.egg-info)
	rm -f ros2_ws/src/*/*/*/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- what stands in the environment: one stamp a layer, so that a second start does nothing ----

$(VENV)/.ros: requirements/ros.txt requirements/lock.txt
	@tools/preflight.sh $(PYTHON)
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing ROS 2"
	@$(PIP) -r requirements/ros.txt
	@touch $@

$(VENV)/.interfaces: $(VENV)/.ros $(INTERFACES)
	@tools/build_interfaces.sh $(BIN)/python
	@touch $@

$(VENV)/.packages: $(VENV)/.ros requirements/run.txt requirements/lock.txt $(METADATA)
	@echo "installing the simulators and the packages"
	@$(PIP) -r requirements/run.txt
	@$(PIP) --no-deps --no-build-isolation $(addprefix --editable ros2_ws/src/,$(PACKAGES))
	@touch $@

# The compiler and the downloads take turns on different resources: run both at once.
$(VENV)/.run: $(VENV)/.ros requirements/run.txt requirements/lock.txt $(METADATA) $(INTERFACES)
	@$(MAKE) --no-print-directory -j 2 $(VENV)/.interfaces $(VENV)/.packages
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/train.txt requirements/export.txt requirements/hardware.txt requirements/dev.txt
	@echo "installing training, tests and tools"
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)/.colcon: $(VENV)/.run requirements/colcon.txt
	@echo "installing colcon"
	@$(PIP) -r requirements/colcon.txt
	@touch $@
