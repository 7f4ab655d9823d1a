"""Who watches over an organization: its owner and its Super Admins. They are told of whatever is grave."""

from django.db.models import Case, Value, When

from belvedere.control.access.roles import Role
from belvedere.control.accounts.selectors import Person
from belvedere.control.organizations.models import Membership


def list_watchers(organization: str) -> list[Person]:
    """The owner first, then the Super Admins, whose accounts work. The caller has decided who may know."""
    rows = Membership.objects.filter(
        organization_id=organization,
        is_active=True,
        role__in=[Role.OWNER, Role.SUPER_ADMIN],
        account__is_active=True,
    )
    order = Case(When(role=Role.OWNER, then=Value(0)), default=Value(1))
    return [
        Person(row.account.pk, row.account.name, row.account.email)
        for row in rows.select_related("account").order_by(order, "created_at", "pk")
    ]
