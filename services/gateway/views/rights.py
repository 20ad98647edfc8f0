"""Views show each caller what the owners would show them."""

from collections.abc import Mapping

from shared.auth import Right, right

VIEWS: Mapping[str, Right] = {"views.read": right("See one's own home at a glance", anyone=True)}
