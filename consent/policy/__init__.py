"""The policy in force: compiled once, kept in the process, and what a decision makes of it."""

from consent.policy.compiled_policy import NO_POLICY, CompiledPolicy
from consent.policy.compiler import build, compile_policy, compile_tool, with_tools
from consent.policy.data import CompiledCategory, CompiledTool
from consent.policy.process_cache import PolicyCache, policies
from consent.policy.regimes import compile_rules
from consent.policy.selection import Selection, Standing
from consent.policy.sites import CompiledSites

__all__ = [
    "NO_POLICY",
    "CompiledCategory",
    "CompiledPolicy",
    "CompiledSites",
    "CompiledTool",
    "PolicyCache",
    "Selection",
    "Standing",
    "build",
    "compile_policy",
    "compile_rules",
    "compile_tool",
    "policies",
    "with_tools",
]
