# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For /etc/profile.d/: what a log-in shell starts runs under the user's policy, and under the system's. The same lines
# may stand at the end of one's own ~/.profile.
#
# Only who has a policy is asked about. Where it has a mistake that is told, and the log-in goes on without it.
if command -v sockade >/dev/null 2>&1 && [ -e "${XDG_CONFIG_HOME:-$HOME/.config}/sockade/policy.conf" ]; then
    eval "$(sockade env --shell sh)"
fi
