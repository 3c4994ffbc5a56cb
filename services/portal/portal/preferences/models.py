"""The settings that differ from their defaults, and who changed what and when."""

from django.conf import settings
from django.db import models


class ChangedSetting(models.Model):
    """A setting that a person changed; one that has no row stands at its default."""

    name = models.CharField(max_length=100, unique=True)
    value = models.JSONField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_time = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "setting"

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"


class SettingChange(models.Model):
    """One change of one setting, kept for ever."""

    name = models.CharField(max_length=100)
    before = models.JSONField(null=True, help_text="Null: what was stored could not be used.")
    after = models.JSONField()
    to_default = models.BooleanField(default=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_time = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-changed_time", "-pk")

    def __str__(self) -> str:
        return f"{self.name}: {self.before} → {self.after}"
