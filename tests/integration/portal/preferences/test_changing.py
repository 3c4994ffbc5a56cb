"""Settings in the database: what stands, what is refused, and what is kept of each change."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from portal.preferences.changing import ChangeRefusedError, change, reset
from portal.preferences.current import current_settings, locked, preferences
from portal.preferences.models import ChangedSetting, SettingChange
from portal.preferences.values import DEFAULTS

pytestmark = pytest.mark.django_db


def test_what_a_person_changed_stands_and_everything_else_is_at_its_default() -> None:
    change({"write_confidence": 0.9, "plex_libraries": ["Music", "Jazz"], "device": "cpu"})
    assert preferences() == DEFAULTS.model_copy(
        update={"write_confidence": 0.9, "plex_libraries": ("Music", "Jazz"), "device": "cpu"}
    )


def test_all_settings_cost_one_query() -> None:
    change({"write_confidence": 0.9, "stages": 2})
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert preferences().stages == 2
    assert len(queries) == 1


def test_the_environment_wins_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    change({"write_confidence": 0.9})
    monkeypatch.setenv("PORTAL_WRITE_CONFIDENCE", "0.55")
    assert preferences().write_confidence == 0.55
    assert locked() == {"write_confidence": "PORTAL_WRITE_CONFIDENCE"}
    with pytest.raises(ChangeRefusedError, match="PORTAL_WRITE_CONFIDENCE in the portal's environment"):
        change({"write_confidence": 0.8})
    monkeypatch.delenv("PORTAL_WRITE_CONFIDENCE")
    assert preferences().write_confidence == 0.9


def test_a_refused_value_names_setting_value_and_range_and_nothing_of_the_form_is_stored() -> None:
    with pytest.raises(ChangeRefusedError, match=r"stages cannot be 17: .*Allowed: 1 to 9") as caught:
        change({"stages": 17, "predictions": 3})
    assert set(caught.value.faults) == {"stages"}
    assert preferences() == DEFAULTS
    with pytest.raises(ChangeRefusedError, match="There is no setting colour"):
        change({"colour": "red"})


def test_each_change_is_kept_with_who_from_and_to(admin_user: User) -> None:
    change({"stages": 2}, user=admin_user)
    change({"stages": 1, "predictions": 5}, user=admin_user)
    reset("stages", user=admin_user)
    kept = SettingChange.objects.order_by("pk").values_list("name", "before", "after", "to_default")
    assert list(kept) == [("stages", 9, 2, False), ("stages", 2, 1, False), ("stages", 1, 9, True)]
    assert {each.changed_by for each in SettingChange.objects.all()} == {admin_user}
    assert not ChangedSetting.objects.exists()


def test_nonsense_in_the_database_is_never_fatal_and_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    ChangedSetting.objects.create(name="stages", value="many")
    ChangedSetting.objects.create(name="gone_since", value=1)
    assert preferences() == DEFAULTS
    assert "stages = 'many'" in current_settings().faults["stages"]
    (kept,) = change({"stages": 9})
    assert (kept.before, kept.after) == (None, 9)
    assert not current_settings().faults
