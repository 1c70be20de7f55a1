from django.urls import path

from accounts.views import members, profile, workspaces

app_name = "accounts"
urlpatterns = [
    path("profile/", profile.profile, name="profile"),
    path("profile/tokens/", profile.token_list, name="token-list"),
    path("profile/tokens/<uuid:id>/revoke/", profile.token_revoke, name="token-revoke"),
    path("workspaces/", workspaces.workspace_list, name="workspace-list"),
    path("workspaces/new/", workspaces.workspace_new, name="workspace-new"),
    path("w/<slug:workspace_slug>/settings/", workspaces.workspace_settings, name="workspace-settings"),
    path("w/<slug:workspace_slug>/leave/", workspaces.workspace_leave, name="workspace-leave"),
    path("w/<slug:workspace_slug>/members/", members.member_list, name="member-list"),
    path("w/<slug:workspace_slug>/members/invite/", members.member_invite, name="member-invite"),
    path("members/<uuid:id>/role/", members.member_role, name="member-role"),
    path("members/<uuid:id>/remove/", members.member_remove, name="member-remove"),
    path("invitations/<uuid:id>/revoke/", members.invitation_revoke, name="invitation-revoke"),
    path("invitations/<str:token>/", members.invitation_accept, name="invitation-accept"),
]
