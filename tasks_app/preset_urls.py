from django.urls import path

from tasks_app.views import preset_forms, preset_merge, presets

urlpatterns = [
    path("", presets.preset_list, name="preset_list"),
    path("new", preset_forms.preset_new, name="preset_new"),
    path("import", preset_forms.preset_import, name="preset_import"),
    path("export", presets.presets_export, name="presets_export"),
    path("<str:key>/", presets.preset_detail, name="preset_detail"),
    path("<str:key>/edit", preset_forms.preset_edit, name="preset_edit"),
    path("<str:key>/delete", preset_forms.preset_delete, name="preset_delete"),
    path("<str:key>/export", presets.preset_export, name="preset_export"),
    path("<str:key>/merge", preset_merge.preset_merge, name="preset_merge"),
]
