"""Campaigns: one verb on many contracts. Chosen, planned and shown first; then written down some hundreds at a time.

How a campaign is approved, started, paused and told of is the part of `areas.campaigns`.
"""
