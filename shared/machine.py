"""State machines as data: the rule, the 409 and ``allowed_actions`` come from one table."""

from collections.abc import Mapping

from shared.problems import TransitionNotAllowed


class Machine:
    """A named machine; ``rules`` maps state → action → next state. States without actions are final."""

    def __init__(self, name: str, rules: Mapping[str, Mapping[str, str]]) -> None:
        self.name = name
        self._rules = rules
        self._targets = {(action, to) for actions in rules.values() for action, to in actions.items()}
        targets = {to for actions in rules.values() for to in actions.values()}
        self.states = tuple(dict.fromkeys([*rules, *sorted(targets)]))

    def step(self, state: str, action: str) -> str:
        """The state after ``action``; the same state if the action was already done (a repeated call is no error).

        Raises TransitionNotAllowed when the machine has no such arrow.
        """
        if to := self._rules.get(state, {}).get(action):
            return to
        if (action, state) in self._targets:
            return state
        raise TransitionNotAllowed(self.name, state, action, self.allowed(state))

    def allowed(self, state: str) -> list[str]:
        """Actions that lead somewhere from ``state``, sorted."""
        return sorted(self._rules.get(state, {}))

    def is_final(self, state: str) -> bool:
        return not self._rules.get(state)
