"""The city's public services over HTTP, for who keeps the catalogue."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from channels.open311.rules import Question
from crm_bridge.forms import Text
from crm_bridge.open311.services import Service, ServiceForm, Services
from infra.kit.errors import Invalid, NotFound
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

MANAGE = "catalogue.manage"
_LISTS = ("singlevaluelist", "multivaluelist")


class ChoiceBody(ApiModel):
    """One value to choose from."""

    key: Annotated[Text, Field(min_length=1, max_length=40)]
    name: Annotated[Text, Field(min_length=1, max_length=60)]


class AttributeBody(ApiModel):
    """One question of a service; see GET Service Definition of the specification."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    description: Annotated[Text, Field(min_length=1, max_length=200)]
    datatype: Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
    required: bool = False
    variable: bool = True
    datatype_description: Text = Field(default="", max_length=200)
    values: list[ChoiceBody] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _lists_have_values(self) -> AttributeBody:
        if (self.datatype in _LISTS) != bool(self.values):
            raise Invalid(
                "a list needs values, and only a list", "列表类型须有选项，其他类型不得有选项"
            )
        return self

    def question(self) -> Question:
        """Return the question."""
        return Question(
            code=self.code,
            description=self.description,
            datatype=self.datatype,
            required=self.required,
            variable=self.variable,
            hint=self.datatype_description,
            values=MappingProxyType({choice.key: choice.name for choice in self.values}),
        )


class ServiceBody(ApiModel):
    """What is said about a category."""

    public: bool
    description: Text = Field(default="", max_length=400)
    keywords: Text = Field(default="", max_length=200)
    attributes: list[AttributeBody] = Field(default_factory=list, max_length=30)

    @model_validator(mode="after")
    def _codes_differ(self) -> ServiceBody:
        if len({attribute.code for attribute in self.attributes}) < len(self.attributes):
            raise Invalid("two attributes have one code", "有两个属性使用了相同的代码")
        return self


class ServiceView(ServiceBody):
    """A leaf of the tree of matters, with what is said about it."""

    code: str
    name: str
    group: str


class ServiceList(ApiModel):
    """Every leaf of the tree, public or not, in the order of the codes."""

    items: list[ServiceView]


def routes(services: Services) -> Routes:
    """Return the endpoints of public services."""
    api = Routes(tag="open311")

    @api.get("/api/v1/open311/services", permission=MANAGE)
    async def every() -> ServiceList:
        """List what can be made a public service."""
        return ServiceList(items=[_view(service) for service in await services.all()])

    @api.put("/api/v1/open311/services/{code}", permission=MANAGE)
    async def change(principal: Principal, code: str, body: ServiceBody) -> ServiceView:
        """Make a category a public service or none, and say what it asks for."""
        form = ServiceForm(
            public=body.public,
            description=body.description,
            keywords=body.keywords,
            questions=[attribute.question() for attribute in body.attributes],
        )
        await services.change(principal, code, form)
        for service in await services.all():
            if service.code == code:
                return _view(service)
        raise NotFound(
            "a category with others below it is no service", "该分类下还有分类，不能作为服务"
        )

    return api


def _view(service: Service) -> ServiceView:
    return ServiceView(
        code=service.code,
        name=service.name,
        group=service.group,
        public=service.public,
        description=service.description,
        keywords=service.keywords,
        attributes=[
            AttributeBody.model_validate(
                {
                    "code": question.code,
                    "description": question.description,
                    "datatype": question.datatype,
                    "required": question.required,
                    "variable": question.variable,
                    "datatype_description": question.hint,
                    "values": [{"key": k, "name": name} for k, name in question.values.items()],
                }
            )
            for question in service.questions
        ],
    )
