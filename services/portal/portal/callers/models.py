"""A program that may call inference, known by the fingerprint of its token."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from runtime.rights import Role

NAME = RegexValidator(
    r"\A[\w][\w .@-]*\Z", "Letters, digits, spaces and . @ - _ alone, a letter or digit first."
)


class CallerToken(models.Model):
    """One token. The token itself is shown once and kept nowhere; a revoked one stays as a record."""

    ROLES: ClassVar[list[tuple[str, str]]] = [
        (Role.CALLER.value, "Caller: classifies, reads status and models"),
        (Role.OPERATOR.value, "Operator: trains and puts models into service too"),
    ]

    name = models.CharField(
        max_length=60,
        validators=[NAME],
        help_text="Which program it is for; the name may be used again once revoked.",
    )
    role = models.CharField(max_length=20, choices=ROLES, default=Role.CALLER.value)
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    made_time = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150, editable=False)
    revoked_time = models.DateTimeField(null=True, editable=False)
    revoked_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ("revoked_time", "name")
        verbose_name = "token"
        constraints = (
            models.UniqueConstraint(
                fields=("name",), condition=Q(revoked_time=None), name="caller_token_name_in_use"
            ),
        )

    def clean(self) -> None:
        """The database's own rule says it in no sentence."""
        in_use = CallerToken.objects.filter(name=self.name, revoked_time=None).exclude(pk=self.pk)
        if in_use.exists():
            message = f"A token named “{self.name}” is in use: revoke it first, or choose another name."
            raise ValidationError({"name": message})

    def __str__(self) -> str:
        return self.name
