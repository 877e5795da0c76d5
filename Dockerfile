# The Claimhouse image: Airflow without the providers the official image bundles, then exactly
# what requirements.txt pins, so that the image runs what the tests ran.
FROM apache/airflow:slim-3.3.2-python3.11

USER root
RUN mkdir -p /opt/claimhouse/extracts && chown -R airflow:0 /opt/claimhouse && chmod -R g+rwX /opt/claimhouse
USER airflow

COPY requirements.txt /opt/claimhouse/requirements.txt
COPY docker/requirements.txt /opt/claimhouse/docker/requirements.txt
RUN pip install --no-cache-dir \
        -r /opt/claimhouse/requirements.txt \
        -r /opt/claimhouse/docker/requirements.txt

COPY --chown=airflow:0 docker/init.sh /opt/claimhouse/docker/init.sh
COPY --chown=airflow:0 dags /opt/claimhouse/dags
COPY --chown=airflow:0 plugins /opt/claimhouse/plugins
COPY --chown=airflow:0 include /opt/claimhouse/include

ENV CLAIMHOUSE_HOME=/opt/claimhouse \
    PYTHONPATH=/opt/claimhouse/plugins \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/claimhouse/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/claimhouse/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False
