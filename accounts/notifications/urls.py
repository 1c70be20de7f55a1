from django.urls import path

from accounts.notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.notification_list, name="list"),
    path("notifications/read/", views.notification_read, name="read"),
    path("notifications/<uuid:id>/", views.notification_open, name="open"),
    path("profile/notifications/", views.notification_settings, name="settings"),
]
