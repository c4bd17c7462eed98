# SPDX-License-Identifier: BSD-2-Clause
"""What exporters do where nobody says otherwise: the command line's help names it, too, and imports no more."""

REFRESH_S = 60.0  # seconds between templates over UDP
QUEUE_FLOWS = 262144  # flows that may wait for a collector over TCP
