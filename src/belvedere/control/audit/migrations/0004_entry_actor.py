from django.db import migrations, models

import belvedere.control.audit.models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_signed_heads"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(belvedere.control.audit.models.ActorOf("fields"), name="audit_entry_actor"),
        ),
    ]
