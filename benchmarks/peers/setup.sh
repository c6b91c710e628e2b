#!/usr/bin/env bash
# Install the peers into a virtual environment of their own, benchmarks/peers/.venv (1.3 GB).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# An active environment and the ROS wheels in it must not reach into this one.
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
python=${PYTHON:-python3}
test -x .venv/bin/python || "$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
.venv/bin/python - <<'CHECK'
import gymnasium, gymnasium_robotics, warnings
warnings.filterwarnings("ignore")
gymnasium.register_envs(gymnasium_robotics)
gymnasium.make("FetchPickAndPlace-v4").reset(seed=0)
print("the peers are ready")
CHECK
