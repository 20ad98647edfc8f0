"""What a profile is made of, whether somebody signs up or serves already."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.web import Body, Public

Skill = Literal[
    "driving",
    "loading",
    "sorting",
    "delivery",
    "gate_duty",
    "medical",
    "nursing",
    "psychology",
    "disinfection",
    "cooking",
    "repair",
    "it",
    "sign_language",
    "teaching",
    "community_work",
]
Skills = Annotated[list[Skill], Field(max_length=15)]
CarryingCapacity = Annotated[int, Field(ge=0, le=60, description="Kilograms that one carries to a door.")]
FullName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class VolunteerHours(Public, Body):
    """When somebody can serve on one day of the week; 1 is Monday, hours are those of China."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"weekday": 6, "from_time": "08:00", "until_time": "12:00"}}
    )

    weekday: Annotated[int, Field(ge=1, le=7)]
    from_time: Clock
    until_time: Clock

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.until_time <= self.from_time:
            raise ValueError("结束时间须晚于开始时间|until_time must be later than from_time")
        return self


Availability = Annotated[list[VolunteerHours], Field(max_length=28)]
