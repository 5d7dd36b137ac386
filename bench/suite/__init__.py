# SPDX-License-Identifier: MIT
"""Runs the benchmark programs and shows what they found."""
