from __future__ import annotations

from accounts import audit
from accounts.models import AuditDetail, AuditEvent, AuditHead, Tenant, User


def _three_events(workspace: Tenant, alice: User) -> None:
    """On top of the one that the workspace's making wrote."""
    for number in range(3):
        audit.record(workspace, alice, "thing.done", workspace, after={"number": number}, ip="192.0.2.1")


def test_untouched_chain_has_no_faults(workspace, alice):
    _three_events(workspace, alice)

    assert AuditEvent.objects.for_tenant(workspace).count() == 4
    assert audit.verify_chain(workspace) == []


def test_chains_of_workspaces_do_not_mix(workspace, charlie, alice):
    _three_events(workspace, alice)
    other = charlie.tenants.get()

    numbers = list(AuditEvent.objects.for_tenant(other).values_list("number", flat=True))

    assert numbers == [1]
    assert audit.verify_chain(other) == []


def test_changed_event_is_found(workspace, alice):
    _three_events(workspace, alice)
    AuditEvent.objects.for_tenant(workspace).filter(number=2).update(verb="thing.undone")

    assert audit.verify_chain(workspace) == ["Event 2 was changed after it was written."]


def test_changed_moment_is_found(workspace, alice):
    _three_events(workspace, alice)
    AuditEvent.objects.for_tenant(workspace).filter(number=2).update(at=workspace.created_at)

    assert audit.verify_chain(workspace) == ["Event 2 was changed after it was written."]


def test_event_rewritten_with_a_fitting_hash_is_found(workspace, alice):
    _three_events(workspace, alice)
    event = AuditEvent.objects.for_tenant(workspace).get(number=2)
    event.verb = "thing.undone"
    event.hash = audit.hash_event(event)
    event.save()

    faults = audit.verify_chain(workspace)

    assert faults == ["Event 3 does not follow event 2: one of them was replaced."]


def test_removed_event_is_found(workspace, alice):
    _three_events(workspace, alice)
    AuditEvent.objects.for_tenant(workspace).filter(number=2).delete()

    assert audit.verify_chain(workspace) == ["Events 2 to 2 are missing."]


def test_cut_off_end_is_found(workspace, alice):
    _three_events(workspace, alice)
    AuditEvent.objects.for_tenant(workspace).filter(number__gt=2).delete()

    assert audit.verify_chain(workspace) == ["Events 3 to 4 at the end are missing."]


def test_end_moved_back_without_the_key_is_found(workspace, alice):
    _three_events(workspace, alice)
    AuditEvent.objects.for_tenant(workspace).filter(number__gt=2).delete()
    last = AuditEvent.objects.for_tenant(workspace).get(number=2)
    AuditHead.objects.filter(tenant=workspace).update(number=2, hash=last.hash)

    assert audit.verify_chain(workspace) == [
        "The end of the chain was changed, or SECRET_KEY is another one than when it was written."
    ]


def test_removed_end_is_found(workspace):
    AuditHead.objects.filter(tenant=workspace).delete()

    assert audit.verify_chain(workspace) == ["The end of the chain is missing."]


def test_changed_values_are_found(workspace, alice):
    _three_events(workspace, alice)
    AuditDetail.objects.filter(event__number=3, tenant=workspace).update(after={"number": 99})

    faults = audit.verify_chain(workspace)

    assert faults == ["The names and values of event 3 were changed after it was written."]


def test_erased_names_leave_the_chain_whole(workspace, alice):
    _three_events(workspace, alice)
    AuditDetail.objects.filter(event__number=3, tenant=workspace).delete()

    assert audit.verify_chain(workspace) == []


def test_event_without_a_person_is_recorded(workspace):
    event = audit.record(workspace, None, "thing.expired")

    assert (event.actor_id, event.target_type, event.target_id) == (None, "", "")
    assert audit.verify_chain(workspace) == []
